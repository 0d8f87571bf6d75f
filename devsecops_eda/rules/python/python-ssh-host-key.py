import asyncssh
import paramiko


def connect(host, path):
    ssh = paramiko.SSHClient()
    # ruleid: python-ssh-host-key
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    # ruleid: python-ssh-host-key
    asyncssh.connect(host, known_hosts=None)
    # ok: python-ssh-host-key
    ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
    # ok: python-ssh-host-key
    return asyncssh.connect(host, known_hosts=path)
