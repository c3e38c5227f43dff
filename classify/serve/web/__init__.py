"""The service as a web application: routes, checks around every request, what is read and what is answered."""
