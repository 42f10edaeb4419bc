"""How devices hang together: a graph made of what they tell, where each link carries its evidence."""
