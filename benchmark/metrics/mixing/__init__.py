"""How well sites are mixed in LDRs: measures of neighbourhoods and distances that train no classifier."""
