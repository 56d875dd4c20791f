"""How a run is scored while it trains, and what must be there before that."""
