"""Stand-ins of the Telegram Bot API and the WeChat API on this machine, with quotas and scripted faults.

    python -m bot.rehearsal telegram --webhook http://127.0.0.1:8080/telegram
    python -m bot.rehearsal wechat --webhook http://127.0.0.1:8080/wechat

Each is a program of its own. The bot reaches them by TELEGRAM_API_URL and WECHAT_API_URL, and knows nothing of them.
Everything that happened is kept and told under /_/calls; /_/ is also where a person's hand and a drill's faults go in.
"""
