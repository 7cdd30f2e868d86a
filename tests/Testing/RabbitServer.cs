using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Orleans.Personalize.Testing;

/// <summary>
/// A RabbitMQ server of its own in a temporary directory on free loopback ports, from the program that is installed. A shell stands between: it kills the
/// server, its port mapper and the directory as soon as this process ends, however it ends.
/// </summary>
public sealed class RabbitServer : IAsyncDisposable
{
    private static readonly TimeSpan StartWait = TimeSpan.FromSeconds(90);

    /// <summary>Reads from this process: a line means that the server was stopped on purpose, the end that this process is gone.</summary>
    private const string Keeper = """
        "$@" >> "$LOG" 2>&1 < /dev/null & server=$!
        if read -r line
        then kill -TERM $server; wait $server
        else kill -KILL $server 2> /dev/null; wait $server; epmd -kill > /dev/null 2>&1; rm -rf "$HOME"
        fi
        """;

    private readonly string root;
    private readonly int[] ports;
    private Process? keeper;

    private RabbitServer(string root, int[] ports) => (this.root, this.ports) = (root, ports);

    public const string Advice = "Install RabbitMQ 3.10 or later (Debian: apt-get install rabbitmq-server) to run this.";

    /// <summary>The server's own start script; null where it is not installed. The one on the PATH insists on the directories of its package.</summary>
    public static string? Program { get; } =
        Directory.Exists("/usr/lib/rabbitmq") && File.Exists("/usr/lib/rabbitmq/bin/rabbitmq-server") ? "/usr/lib/rabbitmq/bin/rabbitmq-server" : null;

    public int Port => ports[0];

    public int TlsPort => ports[1];

    /// <summary>The user is <c>guest</c>, with that password.</summary>
    public string Address => $"amqp://127.0.0.1:{Port}";

    private string LogFile => Path.Combine(root, "log.txt");

    /// <param name="settings">Lines of rabbitmq.conf; <c>{root}</c> stands for the server's directory.</param>
    /// <param name="files">Written into that directory beforehand.</param>
    public static async Task<RabbitServer> StartAsync(string[]? settings = null, params (string Name, string Text)[] files)
    {
        var server = new RabbitServer(Directory.CreateTempSubdirectory("personalize-rabbit-").FullName, [FreePort(), FreePort(), FreePort(), FreePort()]);
        try
        {
            await server.ConfigureAsync(settings ?? [], files);
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>In good order, as for an update. (After kill -9 a quorum queue of one node may find no leader again, at least in 3.10.8.)</summary>
    public async Task StopAsync()
    {
        await keeper!.StandardInput.WriteLineAsync("stop");
        await keeper.WaitForExitAsync();
        keeper.Dispose();
        keeper = null;
    }

    public async Task StartAgainAsync()
    {
        var start = Command("/bin/sh", "-c", Keeper, "keeper", Program ?? throw new InvalidOperationException(Advice), "-noinput");
        start.RedirectStandardInput = true;
        foreach (var (name, value) in Environment())
            start.Environment[name] = value;
        keeper = Process.Start(start)!;
        var clock = Stopwatch.StartNew();
        while (!await ListensAsync())
        {
            if (keeper.HasExited || clock.Elapsed > StartWait)
                throw new InvalidOperationException($"RabbitMQ did not start: {await File.ReadAllTextAsync(LogFile)}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (keeper is null)
        {
            using var removal = Process.Start(Command("/bin/rm", "-rf", root))!;
            await removal.WaitForExitAsync();
            return;
        }
        keeper.StandardInput.Close();
        await keeper.WaitForExitAsync();
        keeper.Dispose();
    }

    private async Task ConfigureAsync(string[] settings, (string Name, string Text)[] files)
    {
        string[] own = [$"listeners.tcp.1 = 127.0.0.1:{Port}", "log.file = false", "log.console = true", "log.console.level = warning", "vm_memory_high_watermark.absolute = 1GB", "disk_free_limit.absolute = 50MB"];
        await File.WriteAllLinesAsync(Path.Combine(root, "rabbitmq.conf"), [.. own, .. settings.Select(line => line.Replace("{root}", root).Replace("{tls}", $"{TlsPort}"))]);
        await File.WriteAllTextAsync(Path.Combine(root, "enabled_plugins"), "[].");
        foreach (var (name, text) in files)
            await File.WriteAllTextAsync(Path.Combine(root, name), text);
        if (System.Environment.IsPrivilegedProcess)
        {
            using var owner = Process.Start("chown", ["-R", "rabbitmq", root]);
            await owner.WaitForExitAsync();
        }
    }

    private (string, string)[] Environment() =>
    [
        ("HOME", root),
        ("LOG", LogFile),
        ("RABBITMQ_NODENAME", $"personalize-{Port}@localhost"),
        ("RABBITMQ_DIST_PORT", $"{ports[2]}"),
        ("ERL_EPMD_PORT", $"{ports[3]}"),
        ("ERL_EPMD_ADDRESS", "127.0.0.1"),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}"),
        ("RABBITMQ_MNESIA_BASE", Path.Combine(root, "mnesia")),
        ("RABBITMQ_LOG_BASE", Path.Combine(root, "log")),
        ("RABBITMQ_CONFIG_FILE", Path.Combine(root, "rabbitmq.conf")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", Path.Combine(root, "enabled_plugins")),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null"),
        ("RABBITMQ_PID_FILE", Path.Combine(root, "pid")),
        // The script then becomes the server, which signals reach.
        ("RABBITMQ_ALLOW_INPUT", "1"),
    ];

    private async Task<bool> ListensAsync()
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>As root everything of it runs as the user that its package has made.</summary>
    private static ProcessStartInfo Command(string program, params string[] arguments) => System.Environment.IsPrivilegedProcess
        ? new("setpriv", ["--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", "--", program, .. arguments]) { WorkingDirectory = "/" }
        : new(program, arguments);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
