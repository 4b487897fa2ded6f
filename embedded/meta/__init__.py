"""A pretend Meta: the WhatsApp Cloud API's addresses, signed webhooks, and a page that looks like a phone.

It knows nothing of the product but its webhook address, the verify token and the app secret. What it is sent it checks, and it
answers with Meta's own errors; what the contacts on its page write it delivers as Meta does: at least once, and until 200.
"""

DEMO_NUMBERS = "1000000001:+1 555 010 0001:Acme:2000000001,1000000002:+1 555 010 0002:Globex:2000000002"
