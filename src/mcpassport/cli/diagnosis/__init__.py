"""What `mcpassport doctor` looks at beside files and store: how it is reached, and the machine."""
