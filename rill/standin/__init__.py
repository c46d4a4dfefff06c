"""The stand-in ZenMux: a program of its own that speaks ZenMux's dialect on a loopback port.

It swaps the far end of the wire: tests, benches and the keyless demo talk real HTTP to it. The server never imports it;
`bin/serve` and `bin/standin` start it as `python -m rill.standin`.

    httpd      HTTP/1.1 on a gevent socket            catalog    the models it lists
    validate   what a request body may say            scripted   the demo models' texts and pace
    dialect    chunks, bodies, errors, headers        local      the real small model (a child process, `llama`)
    answering  pieces -> chunks on the wire           wire       byte-exact playing of scripts
    ledger     what every call received and sent      faults     the demo models that break
    control    /standin/: scripts and the ledger      service    which door a request goes through
"""
