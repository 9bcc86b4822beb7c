"""The rights of customers: export, restriction, erasure, and deletion by age.

`holdings` registers every table; the rest of this folder follows the register.
"""
