"""What newcomers do with the pages: they follow links, copy programs, and type the commands that they read.

==============  ===================================================================================
module          what is in it
==============  ===================================================================================
``pages``       a page as it is read: its links, its programs, its commands, and what it says
``newcomer``    somebody who stands on a page, and has a folder and terminals
``test_paths``  five of them, each from the landing page to two programs that run
``test_pages``  what is read of a page is what stands there
==============  ===================================================================================

So nothing is taken from anywhere but a page: a link that is missing, a program that is shown under another name, an
address on which two pages do not agree, a command that nobody tells of: each ends a path.
"""
