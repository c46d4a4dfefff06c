"""The set-up and the commands: what bin/serve, bin/test and bin/standin do. The standard library only.

It runs under the system's Python, before anything is installed, and imports nothing of the server.

    serve  run_tests  standin     one for each command
    supervise                     the server and its stand-in while they live
    setup                         what a checkout needs before it can run
    steps                         a piece of work that is skipped when it is up to date
    processes  environment        child processes; where things are, what the settings say
"""
