"""Hosts, proxies and the address of Redis, looked at before they are used."""
