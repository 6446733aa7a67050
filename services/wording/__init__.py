"""What mails and pages say alike: a library of words, languages and reasons, without a process."""
