namespace mtmsg {}
