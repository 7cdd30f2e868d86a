namespace Orleans.Personalize.Senders.Smtp;

/// <summary>
/// Connections that wait for their next message. While none waits nothing is armed, so a pool whose sender was replaced is simply forgotten.
/// </summary>
internal sealed class SmtpPool(Func<CancellationToken, Task<SmtpConnection>> open, TimeProvider clock)
{
    /// <summary>As many as deliveries run at the same time by default; more are closed after use.</summary>
    private const int IdleMax = 16;

    /// <summary>Servers tend to hang up after some hundreds.</summary>
    private const int MessagesMax = 100;

    /// <summary>Well below the five minutes for which a server has to wait (RFC 5321, section 4.5.3.2.7).</summary>
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan QuitTimeout = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly List<(SmtpConnection Connection, DateTimeOffset Since)> idle = [];
    private ITimer? timer;

    /// <summary>The connection that was used last, if it is still there; else a new one.</summary>
    public async Task<SmtpConnection> RentAsync(CancellationToken cancellation)
    {
        while (TakeNewest() is { } connection)
        {
            try
            {
                await connection.ResetAsync(cancellation);
                return connection;
            }
            catch (Exception fault) when (fault is IOException or SmtpException)
            {
                // The server has hung up meanwhile, as it may.
                await connection.DisposeAsync();
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }
        }
        return await open(cancellation);
    }

    public async Task ReturnAsync(SmtpConnection connection)
    {
        if (connection.IsClosing || connection.Messages >= MessagesMax || !Keep(connection))
            await QuitAsync(connection);
    }

    private bool Keep(SmtpConnection connection)
    {
        lock (gate)
        {
            if (idle.Count >= IdleMax)
                return false;
            idle.Add((connection, clock.GetUtcNow()));
            timer ??= clock.CreateTimer(_ => CloseIdle(), null, IdleTime, Timeout.InfiniteTimeSpan);
            return true;
        }
    }

    private SmtpConnection? TakeNewest()
    {
        lock (gate)
        {
            if (idle.Count == 0)
                return null;
            var newest = idle[^1].Connection;
            idle.RemoveAt(idle.Count - 1);
            return newest;
        }
    }

    private void CloseIdle()
    {
        var old = new List<SmtpConnection>();
        lock (gate)
        {
            var now = clock.GetUtcNow();
            var count = idle.FindLastIndex(each => now - each.Since >= IdleTime) + 1;
            old.AddRange(idle.Take(count).Select(each => each.Connection));
            idle.RemoveRange(0, count);
            timer?.Dispose();
            timer = idle.Count == 0 ? null : clock.CreateTimer(_ => CloseIdle(), null, IdleTime, Timeout.InfiniteTimeSpan);
        }
        foreach (var connection in old)
            _ = QuitAsync(connection);
    }

    private async Task QuitAsync(SmtpConnection connection)
    {
        using var timeout = new CancellationTokenSource(QuitTimeout, clock);
        await connection.QuitAsync(timeout.Token);
    }
}
