"""The parts of a work order; `bot.core.orders` is the entrance."""
