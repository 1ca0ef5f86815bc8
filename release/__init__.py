"""What a release takes: its archives, and all that one machine can say of them before they are published.

=============  =======================================================================================
module         what it does
=============  =======================================================================================
``build``      makes the source distribution, and from it the wheel with the extension and the one without
``check``      checks them, and installs each on every Python that the machine has
``installed``  asks an installed zmqbridge whether it is whole; it needs nothing but that
``links``      follows each link of the built pages
``pages``      looks at them in a browser, as their readers do
``version``    compares a tag with the version
``windows``    compiles the extension for Windows, as far as that goes elsewhere
=============  =======================================================================================
"""
