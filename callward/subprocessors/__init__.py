"""Who else may process: the register of sub-processors, and whether each may be used."""
