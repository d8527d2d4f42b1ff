"""Every setting, in the order of its subject. `.env.example` lists them all; a test holds it against this package."""

from bot.settings.reading import ENV_FILE, OTHER_PROGRAMS, Settings, names, read

__all__ = ["ENV_FILE", "OTHER_PROGRAMS", "Settings", "names", "read"]
