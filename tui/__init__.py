"""tanzaku: fine-tune, watch, probe and judge a model on Amazon Bedrock from the terminal.

Layers, each importing only what stands below it (import-linter holds them to it):

    __main__    the command line: which AWS, which services, then the app
    app         theme, gates to the terminal, signals, the way out
    screens     the main screen with its tabs, every route between them, what all tabs share; the evaluation screen
    tabs        dataset, jobs, loss, chat: none knows another, each posts messages (`tabs.base`) that screens route
                what no first frame needs is in `Actions` of a tab, imported with the key that sets it off
    dialogs     ask for something and return a value of the domain
    widgets     draw values of the domain; know no service
    services    asynchronous; the only code that knows AWS and the disk
    domain      frozen values and pure functions on the standard library
    sandbox     AWS on this machine, a process of its own; knows none of the above

`services` and `domain` have the same rooms: dataset (and files: how pairs are written), training, serving, loss, chat,
evaluation. Every call to AWS goes through `services.aws`, one that costs money through `services.orders` before that;
what blocks runs on `services.pool`. State lives in the user's own files, in `services.store` (SQLite), in the journal
of unsaved edits (`services.dataset.journal`), and at AWS, whose state `services.watcher` reads as boards.
"""

__version__ = "0.1.0"
