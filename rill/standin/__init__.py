"""The stand-in ZenMux: a program of its own that speaks ZenMux's dialect on a loopback port.

It swaps the far end of the wire: tests, benches and the keyless demo talk real HTTP to it. The server never imports it;
`bin/serve` and `bin/standin` start it as `python -m rill.standin`.

    incoming   bytes -> HTTP requests                 catalog    the models it lists
    httpd      answers them; notices who leaves       scripted   what the demo models say (long, numbers, texts/)
    service    which door a request goes through      pieces     text on a schedule
    validate   what a chat's body may say             local      the real small model (a child process, llama)
    dialect    chunks, bodies, errors, headers        faults     the demo models that break
    answering  pieces -> chunks on the wire           wire       byte-exact playing of scripts
    ledger     what every call received and sent      control    /standin/: scripts and the ledger
"""
