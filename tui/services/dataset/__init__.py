"""Files of pairs: opened, edited with a journal, looked through, written, and pairs drafted from documents."""
