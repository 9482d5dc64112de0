"""Razorpay: a payment gateway."""
