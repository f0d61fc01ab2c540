"""A BIDS App (Gorgolewski et al., PLOS Comput. Biol. 2017): from a dataset in BIDS to derivatives and scores."""
