"""Reading: sources turn files and a manifest into Arrow products."""
