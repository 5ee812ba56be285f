"""A face: the command line. One file for each command; options are those of the verbs.

main.py       the commands together, exit codes, how errors are said
console.py    results on stdout, words on stderr
progress.py   a bar on a terminal, plain lines elsewhere
"""
