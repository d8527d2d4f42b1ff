"""How a member of staff gets the secret of their one-time passwords into an authenticator app."""

from bot.commands.acting import Desk

CODE_TRIES = 3


def taken_over(desk: Desk, name: str, secret: str, scripted: bool, qr: bool | None) -> int:
    """Shows the secret and sees that an app has it: the step of the code given. 0 for scripts. Raises NotPermitted."""
    from bot.commands.qr import draw_qr
    from bot.core.roles import NotPermitted
    from bot.core.staff import secret_address, step_of

    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    address = secret_address(secret, name, desk.settings.company)
    desk.console.print(f"\nSecret of {name}'s one-time passwords, shown this once:\n", markup=False)
    wanted = desk.console.is_terminal and not scripted if qr is None else qr
    drawn = wanted and draw_qr(desk.console, address)
    desk.console.print(f"\n  {groups}\n", markup=False)
    desk.console.print(address, soft_wrap=True, markup=False)
    if wanted and not drawn:
        desk.console.print("\nThe terminal is too narrow for the QR code.")
    how = "Scan the code with an authenticator app, or type the secret in" if drawn else "Type the secret into an app"
    desk.console.print(f"\n{how} as a setup key (time-based, 6 digits). Clear the screen afterwards.\n")
    if scripted:
        return 0
    for _ in range(CODE_TRIES):
        if step := step_of(secret, desk.ask("A code that the app shows now"), desk.clock()):
            return step
        desk.console.print("That isn't the code of this secret at this time: check the secret, and the phone's clock.")
    raise NotPermitted("no right code was given, so nothing was changed")
