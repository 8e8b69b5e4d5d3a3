"""What KCS Meeting's requests and answers look like. Its words stop here."""
