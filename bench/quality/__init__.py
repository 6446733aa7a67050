"""How well does matching find, on real requests, who really got the work? `make bench-quality DATA=folder`."""
