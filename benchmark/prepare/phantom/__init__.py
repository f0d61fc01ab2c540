"""A multi-site T1 phantom made from the ICBM 152 tissue maps: real anatomy, known truth, free to redistribute."""
