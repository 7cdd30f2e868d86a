using Orleans.Personalize.Quarantine;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

public sealed class SqliteQuarantineTests : QuarantineContractDurable
{
    private readonly TemporaryDirectory directory = new();
    private SqliteDatabase? database;

    protected override async Task<IQuarantine> OpenAsync(QuarantineLimits limits)
    {
        if (database is not null)
            await database.DisposeAsync();
        return new SqliteQuarantine(database = SqliteDatabase.Open(directory.Path), limits);
    }

    public override async Task DisposeAsync()
    {
        await database!.DisposeAsync();
        directory.Dispose();
    }

    [Fact]
    public async Task What_was_erased_is_in_no_file()
    {
        await Store.AddAsync("shop", [Entry("a") with { Body = "the secret of ada"u8.ToArray() }], CancellationToken.None);
        await Store.ForgetAsync("shop", "ada", CancellationToken.None);

        foreach (var file in Directory.GetFiles(directory.Path).Where(static file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[stream.Length];
            await stream.ReadExactlyAsync(bytes);
            Assert.True(bytes.AsSpan().IndexOf("the secret of ada"u8) < 0, file);
        }
    }
}
