"""The rights of customers: what is held of a person, told, restricted, erased, and given up by age.

`holdings` registers every table; the rest of this folder follows the register.
"""
