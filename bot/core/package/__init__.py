"""The parts of a package of results; `bot.core.packages` is the entrance."""
