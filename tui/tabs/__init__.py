"""The four tabs, a file and its parts (`dataset_files`, `jobs_serve`, …) each: classes below the tab, and `Actions`."""
