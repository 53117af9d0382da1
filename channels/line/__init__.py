"""LINE: answers are free while a reply token lasts and cost quota after; nothing that was sent can be changed."""
