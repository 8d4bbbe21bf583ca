"""How far a correct kernel may be from the exact result: derived bounds, and the comparison by them."""
