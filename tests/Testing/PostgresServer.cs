using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Orleans.Personalize.Testing;

/// <summary>
/// A PostgreSQL server in a temporary directory on a free loopback port, from the binaries that are installed. A shell stands between: it
/// kills the server and removes the directory as soon as this process ends, however it ends.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private static readonly TimeSpan StartWait = TimeSpan.FromSeconds(60);

    /// <summary>Reads from this process: a line means that the server was stopped on purpose, the end that this process is gone.</summary>
    private const string Keeper = """
        "$@" >> "$LOG" 2>&1 & server=$!
        if read -r line; then wait $server; else kill -QUIT $server 2> /dev/null; wait $server; rm -rf "$ROOT"; fi
        """;

    private static readonly Lazy<Task<PostgresServer>> SharedServer = new(() => StartAsync());

    private readonly string root;
    private readonly string password = Convert.ToHexString(Guid.NewGuid().ToByteArray());
    private Process? keeper;

    private PostgresServer(string root, int port) => (this.root, Port) = (root, port);

    public const string Advice = "Install PostgreSQL 15 or later (Debian: apt-get install postgresql) to run this.";

    /// <summary>Where the server's binaries are; null where it is not installed.</summary>
    public static string? Binaries { get; } = FindBinaries();

    /// <summary>The server of this test run.</summary>
    public static Task<PostgresServer> SharedAsync() => SharedServer.Value;

    public int Port { get; }

    public string Password => password;

    public string DataDirectory => Path.Combine(root, "data");

    private string LogFile => Path.Combine(root, "log");

    public static async Task<PostgresServer> StartAsync(params string[] settings)
    {
        var server = new PostgresServer(Directory.CreateTempSubdirectory("personalize-pg-").FullName, FreePort());
        try
        {
            await server.InitializeAsync(settings);
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects as the owner of everything.</summary>
    public string ConnectionString(string database = "postgres", string more = "") =>
        $"Host=127.0.0.1;Port={Port};Username=personalize;Password={password};Database={database};GSS Encryption Mode=Disable;{more}";

    /// <summary>Runs a statement in a database of the server; its first value.</summary>
    public async Task<object?> ExecuteAsync(string sql, string database = "postgres")
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database, "Pooling=false"));
        await connection.OpenAsync();
#pragma warning disable CA2100 // Tests write their own.
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        return await command.ExecuteScalarAsync();
    }

    /// <param name="mode">smart, fast or immediate, as in pg_ctl.</param>
    public async Task StopAsync(string mode)
    {
        await RunAsync("pg_ctl", "stop", "-w", "-D", DataDirectory, "-m", mode);
        await keeper!.StandardInput.WriteLineAsync("stopped");
        await keeper.WaitForExitAsync();
        keeper.Dispose();
        keeper = null;
    }

    public async Task StartAgainAsync()
    {
        var start = Command("/bin/sh", "-c", Keeper, "keeper", Program("postgres"), "-D", DataDirectory);
        start.RedirectStandardInput = true;
        start.Environment["ROOT"] = root;
        start.Environment["LOG"] = LogFile;
        keeper = Process.Start(start)!;
        var clock = Stopwatch.StartNew();
        while (!await AnswersAsync())
        {
            if (keeper.HasExited || clock.Elapsed > StartWait)
                throw new InvalidOperationException($"PostgreSQL did not start: {await File.ReadAllTextAsync(LogFile)}");
            await Task.Delay(50);
        }
    }

    /// <summary>Lets connections made from now on write no file beyond this size, which to them is a full disk.</summary>
    /// <param name="bytesMax">Null: any size.</param>
    public Task LimitFilesAsync(long? bytesMax)
    {
        var postmaster = File.ReadLines(Path.Combine(DataDirectory, "postmaster.pid")).First();
        var limit = bytesMax is { } bytes ? $"{bytes}" : "unlimited";
        return WaitAsync(Command("prlimit", "--pid", postmaster, $"--fsize={limit}:unlimited"));
    }

    public async ValueTask DisposeAsync()
    {
        if (keeper is null)
        {
            await RunAsync("/bin/rm", "-rf", root);
            return;
        }
        keeper.StandardInput.Close();
        await keeper.WaitForExitAsync();
        keeper.Dispose();
    }

    private async Task InitializeAsync(string[] settings)
    {
        var passwordFile = Path.Combine(root, "password");
        await File.WriteAllTextAsync(passwordFile, password);
        if (Environment.IsPrivilegedProcess)
            await WaitAsync(new ProcessStartInfo("chown", ["-R", "postgres", root]));
        await RunAsync(
            "initdb", "-D", DataDirectory, "-U", "personalize", "--pwfile", passwordFile, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync");
        string[] own =
        [
            "listen_addresses = '127.0.0.1'", $"port = {Port}", $"unix_socket_directories = '{root}'", "max_connections = 200", "shared_buffers = '64MB'",
            "logging_collector = off", "log_min_messages = warning", "timezone = 'UTC'",
        ];
        var configuration = Path.Combine(DataDirectory, "postgresql.conf");
        await File.AppendAllLinesAsync(configuration, [.. own, .. settings]);
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await ExecuteAsync("SELECT 1");
            return true;
        }
        catch (Exception failure) when (failure is NpgsqlException or SocketException)
        {
            return false;
        }
    }

    private static Task RunAsync(string program, params string[] arguments) => WaitAsync(Command(Program(program), arguments));

    /// <summary>The server refuses to run as root, so there everything of it runs as the user that its package has made.</summary>
    private static ProcessStartInfo Command(string program, params string[] arguments) => Environment.IsPrivilegedProcess
        ? new("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", program, .. arguments]) { WorkingDirectory = "/" }
        : new(program, arguments);

    private static async Task WaitAsync(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)} failed: {await output} {await errors}");
    }

    private static string Program(string name) =>
        name.StartsWith('/') ? name : Path.Combine(Binaries ?? throw new InvalidOperationException(Advice), name);

    /// <summary>Debian keeps them off the PATH, in a directory for each major version: the newest counts.</summary>
    private static string? FindBinaries()
    {
        const string versions = "/usr/lib/postgresql";
        var found = Directory.Exists(versions) ? Directory.GetDirectories(versions) : [];
        return found
            .OrderByDescending(static path => double.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var version) ? version : 0)
            .Select(static path => Path.Combine(path, "bin"))
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
            .FirstOrDefault(static path => File.Exists(Path.Combine(path, "postgres")) && File.Exists(Path.Combine(path, "initdb")));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
