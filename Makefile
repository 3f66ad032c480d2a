# Aliases, for fingers that are used to make. The work is done by ./crm.
.PHONY: run test lint bench setup
run test lint bench setup:
	@./crm $@
