"""What people type about themselves: name and password, the code, their account."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, password_validation
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from people.models import User


class SignInForm(forms.Form):
    """Name and password. It never says which of the two was wrong, nor that a name is locked."""

    username = forms.CharField(
        label=_("User name"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=512,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        """Ask the backends; a wrong pair is one error of the whole form."""
        cleaned = super().clean() or {}
        if "username" in cleaned and "password" in cleaned:
            found = authenticate(
                self.request, username=cleaned["username"], password=cleaned["password"]
            )
            if not isinstance(found, User):
                raise forms.ValidationError(
                    _("Name or password is not right. After %(tries)d wrong tries a name rests.")
                    % {"tries": settings.SIGN_IN_FAILURES_MAX}
                )
            self.user = found
        return cleaned


class CodeForm(forms.Form):
    """The six digits that the phone shows now."""

    code = forms.CharField(
        label=_("Code"),
        max_length=12,
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "autofocus": True,
            }
        ),
    )

    def clean_code(self) -> str:
        """The code without the blanks that phones show in it."""
        code = "".join(str(self.cleaned_data["code"]).split())
        if not (code.isascii() and code.isdigit() and len(code) == 6):
            raise forms.ValidationError(_("Six digits are expected."))
        return code


class LanguageForm(forms.Form):
    """The language a person reads."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class PasswordForm(forms.Form):
    """A new password, with the old one as proof."""

    current = forms.CharField(
        label=_("Current password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=512,
        help_text=_("At least 12 characters; a few words are fine."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_current(self) -> str:
        """The old password must be right; guesses count as failed sign-ins do."""
        current = str(self.cleaned_data["current"])
        if authenticate(None, username=self.user.username, password=current) != self.user:
            raise forms.ValidationError(_("This is not your present password."))
        return current

    def clean_new(self) -> str:
        """As long and as unusual as the settings ask."""
        new = str(self.cleaned_data["new"])
        password_validation.validate_password(new, self.user)
        return new
