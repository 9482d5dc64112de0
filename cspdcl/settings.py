"""All settings, typed and in one file. A half-configured process refuses to start.

``CSPDCL_MODE`` is demo, development, test or production. Only production reads every secret from
the environment (NAME or NAME_FILE); the others make what is missing once, under ``var/secrets``.
docs/configuration.md lists every variable.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONE, SELF
from django.templatetags.static import static

from cspdcl import embedded
from cspdcl.env import (
    Misconfigured,
    Mode,
    env_bool,
    env_given_secret,
    env_int,
    env_key,
    env_keyring,
    env_list,
    env_mode,
    env_origin,
    env_secret,
    env_socket,
    env_str,
)

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env_str("CSPDCL_VAR", str(BASE_DIR / "var")))
MODE = env_mode()
IS_PRODUCTION = MODE is Mode.PRODUCTION
VERSION = "0.1.0"
SECRET_KEY_MIN = 50

DEBUG = False  # a traceback on a page is for nobody; `make serve` logs it instead
SECRET_KEY = env_secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env_list(
    "ALLOWED_HOSTS", [] if IS_PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
if IS_PRODUCTION and (not ALLOWED_HOSTS or any(host.startswith("*") for host in ALLOWED_HOSTS)):
    raise Misconfigured("ALLOWED_HOSTS", "production names its hosts, and none of them is *")
if IS_PRODUCTION and len(SECRET_KEY) < SECRET_KEY_MIN:
    raise Misconfigured("SECRET_KEY", f"production needs {SECRET_KEY_MIN} characters or more")

INSTALLED_APPS = [
    "cspdcl.ui",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.import_export",
    "people.admin_config.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "guardian",
    "django_otp",
    "django_htmx",
    "import_export",
    "rest_framework",
    "drf_spectacular",
    "people",
    "outgoing",
    "attachments",
    "channels_",
    "sources",
    "payments",
    "enquiries",
    "refunds",
    "agencies",
    "counters",
    "reconciliation",
    "reports",
    "configuration",
    "simulator",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "channels_.middleware.DoorMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "people.middleware.IdleSessionMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "people.middleware.SecondFactorMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "people.middleware.PostedMiddleware",
    "people.middleware.DomainErrorMiddleware",
]

ROOT_URLCONF = "cspdcl.urls"
WSGI_APPLICATION = "cspdcl.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "people.context.shell",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "cspdcl.ui.templatetags.ui",
            ],
        },
    }
]


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {
            "connect_timeout": 3,
            # Limits of a web request; batch work raises its own with SET LOCAL.
            "options": "-c timezone=UTC -c lock_timeout=5s -c statement_timeout=30s "
            "-c idle_in_transaction_session_timeout=60s -c synchronous_commit=on",
            **query,
        },
    }


DATABASES = {"default": _database(embedded.database_url())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = embedded.redis_url()

# Celery: the doorbell. What it may lose, the sweeps in cspdcl/celery.py find.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "unacked_restore_interval": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever; `manage.py drain` posts money meanwhile
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True  # safe: attempts are counted in PostgreSQL
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 1800
CELERY_TIMEZONE = "Asia/Kolkata"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["people.auth.PeopleBackend", "guardian.backends.ObjectPermissionBackend"]
ANONYMOUS_USER_NAME = None  # guardian: nobody who has not signed in holds a grant
LOGIN_URL = "people:sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "people:sign_in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Who must show a second factor. The demo says none; a production that says none refuses to start.
MONEY_ROLES = ["finance_officer", "finance_approver", "administrator"]
SECOND_FACTOR_ROLES = env_list("SECOND_FACTOR_ROLES", [] if MODE is Mode.DEMO else MONEY_ROLES)
if IS_PRODUCTION and not set(MONEY_ROLES) <= set(SECOND_FACTOR_ROLES):
    raise Misconfigured("SECOND_FACTOR_ROLES", f"must name {', '.join(MONEY_ROLES)} in production")
SIGN_IN_FAILURES_MAX = 10
SIGN_IN_LOCK_MINUTES = 30

SESSION_IDLE_MINUTES = 15
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
IS_HTTPS = env_bool("HTTPS", IS_PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
# Where anybody reaches us: it is printed on receipts, which outlive every deployment.
PUBLIC_URL = env_origin(
    "PUBLIC_URL",
    f"https://{ALLOWED_HOSTS[0].lstrip('.')}"
    if IS_PRODUCTION
    else f"http://localhost:{env_int('PORT', 8000)}",
    is_https=IS_PRODUCTION,
)
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env_bool("BEHIND_PROXY", False) else None
)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "worker-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("hi", "हिन्दी")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Kolkata"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("vendor", VAR_DIR / "vendor")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = MODE is Mode.TEST

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# How late a counter that was offline may hand in its receipts; training plays any day.
COUNTER_OFFLINE_DAYS_MAX = env_int("COUNTER_OFFLINE_DAYS_MAX", 7 if IS_PRODUCTION else 3660)
NOTICE_BYTES_MAX = 256 * 1024  # what a channel may send to its door
# Found money above this is assigned by two people; a schedule splits one credit in so many at most.
# For so long the numbers of the navigation are kept for a person who only looks; 0 keeps none.
NAVIGATION_SECONDS = env_int("NAVIGATION_SECONDS", 5)
ASSIGN_ALONE_RUPEES_MAX = env_int("ASSIGN_ALONE_RUPEES_MAX", 50_000)
SCHEDULE_ROWS_MAX = env_int("SCHEDULE_ROWS_MAX", 20_000)
# Scanned or photographed papers, before they are drawn anew.
ATTACHMENT_BYTES_MAX = env_int("ATTACHMENT_BYTES_MAX", 8 * 1024 * 1024)
ATTACHMENT_PIXELS_MAX = 40_000_000
ATTACHMENT_PAGES_MAX = 4
CLAMD_ADDRESS = env_socket("CLAMD_ADDRESS")  # the virus scanner; empty: there is none
STATEMENT_BYTES_MAX = env_int("STATEMENT_BYTES_MAX", 2 * 1024**3)
STATEMENTS_DIR = VAR_DIR / "statements"  # kept by sha256
REPORTS_DIR = VAR_DIR / "reports"
# Whose bank holidays count beside those of the whole country: two letters, as on number plates.
HOLIDAY_STATE = env_str("HOLIDAY_STATE", "CG")

# Encryption of fields: "id:base64 key[,id:base64 key]", the first encrypts, all decrypt.
FIELD_KEYS = env_keyring("FIELD_KEYS")
INDEX_KEY = env_key("INDEX_KEY")  # blind indexes; not the key of the data
AUDIT_SIGNING_KEY = env_key("AUDIT_SIGNING_KEY")  # Ed25519 seed; the database host needs it not
AUDIT_OLD_PUBLIC_KEYS = env_list("AUDIT_OLD_PUBLIC_KEYS")  # of signing keys that were replaced
AUDIT_ANCHOR_FILE = Path(env_str("AUDIT_ANCHOR_FILE", str(VAR_DIR / "anchors.jsonl")))

# Partners are called at public addresses by https. These networks are allowed beside them: a bank's
# leased line in production; elsewhere this machine, where the fake partners answer by plain http.
PARTNER_NETWORKS = env_list("PARTNER_NETWORKS", [] if IS_PRODUCTION else ["127.0.0.0/8", "::1/128"])
PARTNER_HTTP_ALLOWED = not IS_PRODUCTION  # never beyond PARTNER_NETWORKS
PARTNER_CA_FILE = env_str("PARTNER_CA_FILE", "")  # a bank's own authority, beside the public ones
PARTNER_BYTES_MAX = 1024 * 1024  # of an answer
PARTNER_REPORT_BYTES_MAX = 64 * 1024 * 1024  # of one page of a settlement report

# What leaves the house, docs/outgoing.md. Without a connection SMS and e-mail wait and are shown.
# Templates know $mobile, $text, $template_id, $reference, $id and $unicode.
SMS_URL = env_given_secret("SMS_URL")
SMS_METHOD = env_str("SMS_METHOD", "POST")
SMS_HEADERS = env_given_secret("SMS_HEADERS")  # a JSON object
SMS_BODY = env_given_secret("SMS_BODY")
SMS_SUCCESS = env_str("SMS_SUCCESS", "")  # PATH=WORD[|WORD] of JSON, or /pattern/ of a text
SMS_PROVIDER_ID = env_str("SMS_PROVIDER_ID", "")  # PATH, or /pattern with one group/
SMS_HONOURS_REFERENCE = env_bool("SMS_HONOURS_REFERENCE", False)
SMS_TEMPLATES = env_list("SMS_TEMPLATES")  # KIND.LANGUAGE=id of the regulator's registry
NOTICE_LANGUAGE = env_str("NOTICE_LANGUAGE", "hi")  # hi or en: of what consumers are told
EMAIL_HOST = env_str("EMAIL_HOST", "")
EMAIL_PORT = env_int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env_str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env_given_secret("EMAIL_HOST_PASSWORD")
EMAIL_USE_SSL = env_bool("EMAIL_USE_SSL", False)  # TLS from the first byte, port 465
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", not EMAIL_USE_SSL)
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env_str("EMAIL_FROM", "")
OUTGOING_STALE_DAYS = env_int("OUTGOING_STALE_DAYS", 3)  # older news are not sent by themselves
OUTGOING_KEEP_DAYS = env_int("OUTGOING_KEEP_DAYS", 90)  # then recipient and text are wiped

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "people.auth.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["people.access.ApiRolePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["cspdcl.kernel.api.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "cspdcl.kernel.paging.ApiPagination",
    "PAGE_SIZE": 100,
    "EXCEPTION_HANDLER": "cspdcl.kernel.api.answer_error",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CSPDCL payments API",
    "DESCRIPTION": "Payments, receipts, breaks, runs and statement files of the company.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "PaymentState": "payments.states.State",
        "BreakState": "reconciliation.models.Break.State",
        "RunState": "reconciliation.models.Run.State",
        "FileState": "channels_.models.StatementFile.State",
        "BatchState": "reconciliation.models.Batch.State",
        "BatchSource": "reconciliation.models.Batch.Source",
        "UndoKind": "reconciliation.models.Undo.Kind",
        "Book": "reconciliation.models.Book",
        "Method": "payments.models.METHODS",
        "CounterMethod": ["card", "cash", "cheque", "demand_draft", "postal_order"],
        "AgencyMethod": [
            *("cash", "card", "upi", "wallet", "netbanking", "cheque", "demand_draft"),
        ],
    },
}

IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
IMPORT_EXPORT_USE_TRANSACTIONS = True
UNFOLD = {
    "SITE_TITLE": "CSPDCL payments",
    "SITE_HEADER": "CSPDCL payments",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("img/icon.svg")}
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "cspdcl.kernel.logs.MaskingFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "httpx": {"level": "WARNING"},  # it writes whole addresses, and partners put keys there
        "httpcore": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},  # it tells each of its steps
        "fontTools": {"level": "WARNING"},  # and so does what cuts its fonts
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
