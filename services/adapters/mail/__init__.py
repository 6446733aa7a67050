"""Mail: SMTP to a relay, pooled and pipelined."""
