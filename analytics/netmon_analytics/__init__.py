"""Pure mathematics over arrays: what is odd, what comes next, what caused it."""
