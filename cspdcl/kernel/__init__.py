"""What every app may use: money, time, errors, identifiers, encryption. Knows no app."""
