"""What a careful reviewer would say: one function per rule, shown at review, refused at publishing."""
