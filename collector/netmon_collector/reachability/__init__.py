"""Whether devices can be reached: several witnesses, one judgement, each change with its evidence."""
