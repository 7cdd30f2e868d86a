using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Orleans.Personalize.Silo.Cluster;
using Orleans.Serialization;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>What a grain throws reaches its caller on another silo as what it is, since the caller's answer depends on it.</summary>
public sealed class ClusterSerializationTests
{
    [Fact]
    public void A_full_journal_is_told_from_one_that_failed()
    {
        Assert.Equal(new JournalBusyException().Message, Assert.IsType<JournalBusyException>(Cross(new JournalBusyException())).Message);
        Assert.Equal("It failed.", Assert.IsType<JournalException>(Cross(new JournalException("It failed."))).Message);
    }

    [Fact]
    public void A_failure_of_the_database_stays_a_failure_of_the_journal()
    {
        var failure = new JournalException("PostgreSQL failed.", new NpgsqlException("The connection is broken.", new IOException("reset")));
        var crossed = Assert.IsType<JournalException>(Cross(failure));
        Assert.Equal("PostgreSQL failed.", crossed.Message);
        Assert.Equal("The connection is broken.", crossed.InnerException?.Message);
    }

    private static Exception Cross(Exception exception)
    {
        var services = new ServiceCollection().AddSerializer();
        Membership.CarryExceptions(services);
        using var provider = services.BuildServiceProvider();
        var serializer = provider.GetRequiredService<Serializer>();
        return serializer.Deserialize<Exception>(serializer.SerializeToArray(exception))!;
    }
}
