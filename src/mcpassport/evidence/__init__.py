"""Evidence: the claims of the reference, and (on higher layers) the checks that test them."""
