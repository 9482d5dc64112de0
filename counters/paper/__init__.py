"""What is printed on paper that stands for money: cheques, drafts, orders, notes, memos. Pure."""
