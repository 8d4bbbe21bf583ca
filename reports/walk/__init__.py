"""What a kernel does, in plain words, from its IR."""
