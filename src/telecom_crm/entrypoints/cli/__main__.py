"""`python -m telecom_crm.entrypoints.cli`, the same as `telecom-crm`."""

from telecom_crm.entrypoints.cli.main import main

main()
