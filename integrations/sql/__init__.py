"""Reading a company's rows by SQL: views of their own, behind a wall of their own."""
