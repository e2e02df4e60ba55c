"""English."""

from adiuva.mail.texts.shapes import Language, Text

ENGLISH = Language(
    code="en",
    greeting="Hello,",
    link_below="If the button does not work, copy this link into your browser:",
    app_link="Or open it in the Adiuva app:",
    footer="This message was sent automatically by Adiuva at {host}. Replies to it are not read.",
    never="We never ask for your password, a code or your recovery phrase by email.",
    months=(
        *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
        *("November", "December"),
    ),
    moment="{day} {month} {year}, {clock} UTC",
    decimal=".",
    thousands=",",
    is_currency_first=True,
    words={"totp": "Authenticator app", "passkey": "Passkey"},
    texts={
        "verification": Text(
            subject="Confirm your email address",
            title="Confirm your email address",
            paragraphs=(
                "Please confirm that this address belongs to you. It is how you get back into your account should you"
                " ever forget your password.",
            ),
            button="Confirm address",
            after=(
                "The link is valid for three days and works once.",
                "You did not sign up for Adiuva? Then someone has probably mistyped their own address, and you can"
                " ignore this message.",
            ),
        ),
        "password_reset": Text(
            subject="Reset your password",
            title="Choose a new password",
            paragraphs=(
                "Someone, hopefully you, asked to reset the password of the Adiuva account with this address.",
                "Your encrypted data stays where it is. To read it with the new password you will need your recovery"
                " phrase, or a device that can still open it.",
            ),
            button="Reset password",
            after=(
                "The link is valid for 30 minutes and works once. All your devices are logged out when the password"
                " changes.",
                "It was not you? Then ignore this message: nothing changes, and your password stays as it is.",
            ),
        ),
        "email_change": Text(
            subject="Confirm your new email address",
            title="Confirm your new address",
            paragraphs=(
                "Your Adiuva account is to use this email address from now on. The change takes effect as soon as you"
                " confirm it.",
            ),
            rows=(("New address", "{new_email}"),),
            button="Confirm new address",
            after=(
                "The link is valid for three days and works once.",
                "You did not ask for this? Then ignore this message, and the address will not be used.",
            ),
        ),
        "email_change_notice": Text(
            subject="The email address of your account is being changed",
            title="Your email address is being changed",
            paragraphs=(
                "Someone, hopefully you, has asked to change the email address of your Adiuva account. If it was you,"
                " there is nothing left to do here: just confirm the new address.",
            ),
            rows=(("Old address", "{old_email}"), ("New address", "{new_email}")),
            button="Keep the old address",
            after=(
                "It was not you? Then stop the change with this button. That works for seven days, even after the new"
                " address has been confirmed. After that, reset your password: whoever asked for the change knows it.",
            ),
        ),
        "address_taken": Text(
            subject="You already have an Adiuva account",
            title="You already have an account",
            paragraphs=(
                "Someone, perhaps you, wanted to use this address for an Adiuva account. There already is one with it,"
                " so nothing has changed.",
                "If it was you, log in to the app with this address. Should you have forgotten your password, you can"
                " reset it there.",
            ),
            after=("It was not you? Then there is nothing you need to do.",),
        ),
        "password_changed": Text(
            subject="Your password was changed",
            title="Your password was changed",
            paragraphs=(
                "The password of your Adiuva account was changed. Every device that was logged in before has been"
                " logged out.",
            ),
            rows=(("Time", "{at}"),),
            after=(
                "It was not you? Then someone else has access to your account. Reset your password right away, and"
                " check your second factors and devices in the app.",
            ),
        ),
        "factor_added": Text(
            subject="A second factor was added to your account",
            title="A second factor was added",
            paragraphs=("There is a new way to confirm that it is you who logs in to your Adiuva account.",),
            rows=(("Type", "{factor}"), ("Name", "{name}"), ("Time", "{at}")),
            after=(
                "It was not you? Then someone else has access to your account. Remove this factor in the app and change"
                " your password right away.",
            ),
        ),
        "factor_removed": Text(
            subject="A second factor was removed from your account",
            title="A second factor was removed",
            paragraphs=("A second factor of your Adiuva account was removed and no longer opens it.",),
            rows=(("Type", "{factor}"), ("Name", "{name}"), ("Time", "{at}")),
            after=(
                "It was not you? Then someone else has access to your account. Change your password right away, and set"
                " up a second factor again.",
            ),
        ),
        "identity_linked": Text(
            subject="Your account was linked to an organisation",
            title="Your account was linked to an organisation",
            paragraphs=(
                "From now on, the sign-in provider of the organisation “{organization}” opens your Adiuva account, also"
                " after you have changed your password.",
            ),
            rows=(("Organisation", "{organization}"), ("Time", "{at}")),
            after=(
                "It was not you? Then someone else has access to your account. Leave the organisation in the app, and"
                " change your password right away.",
            ),
        ),
        "new_device": Text(
            subject="New login to your account",
            title="New login to your account",
            paragraphs=("Someone has logged in to your Adiuva account from a device that we have not seen before.",),
            rows=(("Device", "{user_agent}"), ("IP address", "{ip}"), ("Time", "{at}")),
            after=(
                "If it was you, there is nothing you need to do.",
                "It was not you? Then change your password right away, and log out this device in the app.",
            ),
        ),
        "payment_failed": Text(
            subject="Your payment has failed",
            title="Your payment has failed",
            paragraphs=("We could not collect the payment for your Adiuva subscription.",),
            rows=(("Plan", "{tier}"), ("Amount", "{amount}")),
            button="Pay now",
            after=("Please pay soon, or update your payment method, so that you keep your plan.",),
        ),
        "subscription_ending": Text(
            subject="Your subscription is ending",
            title="Your subscription is ending",
            paragraphs=(
                "Your Adiuva subscription will not be renewed. Until it ends you can use everything as before; after"
                " that your account continues on the Free plan.",
            ),
            rows=(("Plan", "{tier}"), ("Ends", "{at}")),
            after=("If you would like to keep your plan, you can renew it in the app at any time before then.",),
        ),
        "receipt": Text(
            subject="Your receipt",
            title="Thank you for your payment",
            paragraphs=("We have received your payment.",),
            rows=(("Amount", "{amount}"),),
            button="View receipt",
            after=("The receipt is provided by Stripe, our payment service.",),
        ),
        "review_decision/approved": Text(
            subject="Your plugin was approved",
            title="Your plugin was approved",
            paragraphs=("Your plugin has passed its review, and this version is now in the marketplace.",),
            rows=(("Plugin", "{plugin}"), ("Version", "{version}"), ("Reviewer’s note", "{reason}")),
        ),
        "review_decision/rejected": Text(
            subject="Your plugin was not approved",
            title="Your plugin was not approved",
            paragraphs=("Your plugin has been reviewed, and this version was not accepted for the marketplace.",),
            rows=(("Plugin", "{plugin}"), ("Version", "{version}"), ("Reason", "{reason}")),
            after=("You are welcome to submit a corrected version.",),
        ),
        "review_decision/withdrawn": Text(
            subject="Your plugin’s version was withdrawn",
            title="A version of your plugin was withdrawn",
            paragraphs=(
                "You have withdrawn this version of your plugin. If it was in the marketplace, the version before it is"
                " there again; if there was none, the plugin is no longer listed, and those who have it keep it.",
            ),
            rows=(("Plugin", "{plugin}"), ("Version", "{version}")),
            after=(
                "It was not you? Then someone else has access to your account. Change your password right away, and"
                " submit a new version.",
            ),
        ),
        "review_question": Text(
            subject="A question about your plugin",
            title="We have a question about your plugin",
            paragraphs=("The review of this version of your plugin needs an answer from you.",),
            rows=(("Plugin", "{plugin}"), ("Version", "{version}"), ("Question", "{question}")),
            after=(
                "Please answer in the Adiuva app, among your plugins, or submit a new version that settles it. Until"
                " then the review waits.",
            ),
        ),
        "take_down": Text(
            subject="A plugin was removed from the marketplace",
            title="A plugin was removed from the marketplace",
            paragraphs=(
                "A plugin that you have published or installed was taken down: it can no longer be installed from the"
                " marketplace.",
            ),
            rows=(("Plugin", "{plugin}"), ("Reason", "{reason}")),
            after=("If it is installed on one of your devices, please check whether you want to remove it there.",),
        ),
        "version_take_down": Text(
            subject="A version of a plugin was withdrawn",
            title="A version of a plugin was taken down",
            paragraphs=(
                "A version of a plugin that you have published or installed was taken down: it can no longer be"
                " downloaded.",
                "The version before it, {live}, is live again.",
            ),
            rows=(
                ("Plugin", "{plugin}"),
                ("Taken down", "{version}"),
                ("Live again", "{live}"),
                ("Reason", "{reason}"),
            ),
            after=(
                "If the plugin is installed on one of your devices, please let the app replace it with version {live}.",
            ),
        ),
        "invitation": Text(
            subject="You have been invited to an organisation",
            title="You have been invited",
            paragraphs=("You have been invited to join an organisation on Adiuva.",),
            rows=(("Organisation", "{organization}"), ("Invited by", "{invited_by}")),
            button="View invitation",
            after=(
                "The invitation is valid for seven days.",
                "You do not know who sent it? Then ignore this message; you will not become a member without your"
                " consent.",
            ),
        ),
    },
)
